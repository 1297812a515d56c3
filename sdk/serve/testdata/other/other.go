// Package other has a type with the name of one elsewhere.
package other

// Point is not a point.
type Point struct {
	X int `json:"x"`
}
