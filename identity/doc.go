// Package identity keeps accounts: their roles, users, groups, policies, access keys and temporary sessions.
//
// They are recorded, and keys are known to whoever verifies signatures. Policies are not enforced: everybody may do
// everything, as in a laboratory of one's own. Every account has a role named LabRole from the first time it is looked
// at, until somebody deletes it.
//
// Invariants:
//   - what a call answered is flushed in store before it returns
//   - values given out are copies: changing one changes nothing here
//   - a name is unique in its account and kind, whatever its case
package identity
