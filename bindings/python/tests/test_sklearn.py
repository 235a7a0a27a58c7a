"""The scikit-learn classifier: its contract, and that it learns."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils.estimator_checks import check_estimator

import resnet
from resnet.sklearn import ResNetClassifier


def digits(count: int = 600) -> tuple[Any, Any, Any, Any]:
    x, y = load_digits(return_X_y=True)
    return x[:count], y[:count], x[count : 2 * count], y[count : 2 * count]


def small(**options: Any) -> ResNetClassifier:  # noqa: ANN401 (of many types)
    def network(channels: int, classes: int, seed: int) -> resnet.Model:
        return resnet.Model(
            "resnet8", input_channels=channels, classes=classes, base_width=16, seed=seed
        )

    classifier = ResNetClassifier(network, image_shape=(1, 8, 8), epochs=5, random_state=0)
    classifier.set_params(**options)
    return classifier


def test_the_contract_of_scikit_learn() -> None:
    results = check_estimator(ResNetClassifier(random_state=0), on_fail=None, on_skip=None)
    failed = [(check["check_name"], check["exception"]) for check in results if
              check["status"] not in {"passed", "skipped"}]  # fmt: skip
    assert not failed
    assert sum(check["status"] == "passed" for check in results) > 40


def test_it_learns_images_given_as_rows_or_as_images() -> None:
    x, y, test_x, test_y = digits()
    rows = small().fit(x, y)
    assert rows.score(test_x, test_y) > 0.9
    images = small(image_shape=None).fit(x.reshape(-1, 1, 8, 8), y)
    np.testing.assert_array_equal(
        images.predict_proba(test_x.reshape(-1, 1, 8, 8)), rows.predict_proba(test_x)
    )
    assert rows.n_iter_ == 5 * (600 // 32)
    assert len(rows.history_["loss"]) == 5


def test_it_learns_rows_that_are_no_images() -> None:
    x, y, test_x, test_y = digits()
    classifier = ResNetClassifier(epochs=10, random_state=1).fit(x, y)
    assert classifier.score(test_x, test_y) > 0.85
    assert classifier.model_.input_size == (1, 1)


def test_labels_of_any_kind_keep_their_kind() -> None:
    x, y, test_x, _ = digits(300)
    names = np.array(["even", "odd"])[y % 2]
    classifier = small().fit(x, names)
    assert list(classifier.classes_) == ["even", "odd"]
    predicted = classifier.predict(test_x)
    assert set(predicted) <= {"even", "odd"}
    scores = classifier.decision_function(test_x)
    assert scores.shape == (300,)
    np.testing.assert_array_equal(predicted == "odd", scores > 0)


def test_in_a_pipeline_and_a_grid_search() -> None:
    x, y, test_x, test_y = digits(300)
    pipeline = make_pipeline(MinMaxScaler(), small(epochs=8))
    search = GridSearchCV(pipeline, {"resnetclassifier__lr": [1e-6, 0.1]}, cv=2)
    search.fit(x, y)
    assert search.best_params_ == {"resnetclassifier__lr": 0.1}
    assert search.score(test_x, test_y) > 0.7


def test_clones_and_pickles_say_the_same() -> None:
    x, y, test_x, _ = digits(200)
    classifier = ResNetClassifier("resnet8", image_shape=(1, 8, 8), epochs=2, random_state=3)
    expected = classifier.fit(x, y).predict_proba(test_x)
    copied = pickle.loads(pickle.dumps(classifier))
    np.testing.assert_array_equal(copied.predict_proba(test_x), expected)
    np.testing.assert_array_equal(clone(classifier).fit(x, y).predict_proba(test_x), expected)


@pytest.mark.parametrize(
    ("shape", "match"),
    [
        ((10, 63), "63 values in a row"),
        ((10, 8, 8), r"expected \(n, channels"),
        ((10, 3, 8, 8), r"expected \(n, \*\(1, 8, 8\)\)"),
    ],
)
def test_shapes_that_are_not_the_images(shape: tuple[int, ...], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        small().fit(np.zeros(shape), np.arange(10) % 2)


def test_options_out_of_range() -> None:
    x, y, _, _ = digits(100)
    for wrong in (
        {"lr": -1.0},
        {"epochs": 0},
        {"batch_size": 1},
        {"batch_size": 32.7},
        {"epochs": 1.5},
        {"augment": "all"},
        {"network": "resnet9"},
    ):
        with pytest.raises(ValueError, match=r"\w"):
            small(**wrong).fit(x, y)
