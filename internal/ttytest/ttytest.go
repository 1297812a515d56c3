// Package ttytest gives tests a real terminal. Open is all there is, on Linux. It is for
// tests only.
package ttytest
