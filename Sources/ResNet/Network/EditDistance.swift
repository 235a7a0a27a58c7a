/// How many characters must be changed, added or left out to make one text of another.
package func editDistance(from first: String, to second: String) -> Int {
  let second = Array(second)
  var row = Array(0...second.count)
  for (count, character) in first.enumerated() {
    var previous = row[0]
    row[0] = count + 1
    for index in second.indices {
      let changed = previous + (second[index] == character ? 0 : 1)
      previous = row[index + 1]
      row[index + 1] = min(changed, previous + 1, row[index] + 1)
    }
  }
  return row[second.count]
}
