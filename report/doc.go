// Package report draws figures and the pages that hold them.
//
// Figures are SVG and PNG of one drawing. A page is a single HTML file with nothing outside it, which is also good on paper.
//
// Invariants:
//   - every axis has a name and a unit, every percentile its n, every figure a caption
//   - lines are told apart by dashes and lightness, never by hue alone
//   - the same data give the same bytes
package report
