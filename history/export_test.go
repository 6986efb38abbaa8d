package history

var (
	EncodeRecord = encodeRecord
	DecodeRecord = decodeRecord
)
