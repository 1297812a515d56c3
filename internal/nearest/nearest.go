// Package nearest tells how close a misspelled name is to the one it was meant to be.
// Call Distance for each candidate and suggest the one with the least.
package nearest

// maxLength bounds the work on names from strangers: longer ones are no misspelling.
const maxLength = 128

// Distance is Levenshtein's: how many bytes to change, add or drop to make b of a. Of a
// name that is longer than any that is meant it is the longer length.
func Distance(a, b string) int {
	if len(a) > maxLength || len(b) > maxLength {
		return max(len(a), len(b))
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
