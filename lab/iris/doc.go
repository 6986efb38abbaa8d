// Package iris is the course's function: a support vector machine that scikit-learn trained to tell irises apart, its
// handler, and the layers with what it needs, made with the machine's own Python and its package index.
//
// Invariants:
//   - the model is pickled with the very versions that the layers hold
//   - what takes long is made once for a machine, whole or not at all, under a name that says what decides its contents
//   - the layers fit Lambda's limits (50 MB zipped each, 250 MB unzipped together)
package iris
