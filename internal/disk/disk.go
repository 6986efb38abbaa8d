package disk

// Write is one change to the database, made by a durable room and committed by one: a batch may mix both keyspaces.
type Write struct {
	Key    []byte // with its keyspace prefix
	Value  []byte
	Delete bool
}
