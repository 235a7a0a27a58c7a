/// Rows of text in columns of one width each: a heading first, totals last, with rules between them. The
/// first columns are set to the left, the others, of numbers, to the right. Ends with a newline.
func table(_ rows: [[String]], textColumns: Int) -> String {
  let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
  var lines = rows.map { row in
    row.indices.map { column in
      pad(row[column], to: widths[column], atEnd: column < textColumns)
    }.joined(separator: "  ")
  }
  let rule = String(repeating: "-", count: widths.reduce(0, +) + 2 * (widths.count - 1))
  lines.insert(rule, at: lines.count - 1)
  lines.insert(rule, at: 1)
  return lines.joined(separator: "\n") + "\n"
}

/// `1234567` as `1,234,567`, nothing as `-`.
func countText(_ count: Int) -> String {
  guard count > 0 else { return "-" }
  var text = ""
  for (index, digit) in String(count).reversed().enumerated() {
    if index > 0, index.isMultiple(of: 3) { text.append(",") }
    text.append(digit)
  }
  return String(text.reversed())
}

private func pad(_ text: String, to width: Int, atEnd: Bool) -> String {
  let padding = String(repeating: " ", count: width - text.count)
  return atEnd ? text + padding : padding + text
}
