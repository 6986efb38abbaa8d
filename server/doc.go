// Package server builds every room of the house from the ground up and serves them on one port.
//
// It is the only package that sees the whole house, and it holds no behaviour of its own beyond the front: /health,
// /_anthill/…, and the choice between an API's stage, a registry and an AWS call. Open builds, Run serves until its
// context ends, Close takes the rooms down in the opposite order.
package server
