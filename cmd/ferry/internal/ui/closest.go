package ui

// Closest is the name that is a typing error or two away from word, or "".
func Closest(word string, names []string) string {
	best, found := 3, ""
	for _, n := range names {
		if d := distance(word, n); d < best && d < len(n)-1 {
			best, found = d, n
		}
	}
	return found
}

// distance counts the letters to change, insert, remove or swap with their
// neighbour to make b of a.
func distance(a, b string) int {
	var before, above []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, above, row = above, row, make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return row[len(b)]
}
