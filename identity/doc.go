// Package identity keeps accounts, access keys, roles and policies. They are recorded, and keys are checked when the
// platform is asked to verify signatures; policies are not enforced.
package identity
