/// What to say after a name that is not known: the name that was probably meant, or all there are.
func suggestion(for unknown: String, among known: [String]) -> String {
    let nearest = known.map { (name: $0, distance: editDistance(unknown, $0)) }.min { $0.distance < $1.distance }
    // A third of the letters wrong is still a slip; more is another word.
    if let nearest, nearest.distance <= max(2, unknown.count / 3) {
        return "did you mean \(nearest.name)?"
    }
    return "known are \(known.joined(separator: ", "))"
}

/// The number of letters to insert, delete or replace to get from one name to the other (Levenshtein).
private func editDistance(_ first: String, _ second: String) -> Int {
    var row = Array(0...second.count)
    for (index, letter) in first.enumerated() {
        var diagonal = row[0]
        row[0] = index + 1
        for (column, other) in second.enumerated() {
            let replaced = diagonal + (letter == other ? 0 : 1)
            diagonal = row[column + 1]
            row[column + 1] = min(replaced, diagonal + 1, row[column] + 1)
        }
    }
    return row[second.count]
}
