package protocol

// Protocol is one of AWS's ways to write calls over HTTP.
type Protocol uint8

const (
	JSON  Protocol = iota + 1 // awsJson1_0 and awsJson1_1: POST /, X-Amz-Target names the operation
	REST                      // restJson1: method and path name the operation
	Query                     // awsQuery: a form with Action; answers are XML
	XML                       // restXml: method and path name the operation; bodies are XML
)

// Model describes one service. Models are tables that nothing changes.
type Model struct {
	Name           string // package of the door: "lambda"
	ID             string // AWS's serviceId: "Lambda", "SFN"
	FullName       string // "AWS Lambda"
	Protocol       Protocol
	JSONVersion    string // "1.0" or "1.1", JSON only
	SigningName    string // service in the credential scope: "lambda", "states"
	EndpointPrefix string // first label of the service's host names: "states", "api.ecr"
	TargetPrefix   string // X-Amz-Target before the dot, JSON only
	APIVersion     string // "2015-03-31"
	Namespace      string // XML namespace of answers, Query and XML only
	Operations     []Operation
	Shapes         []Shape // Shapes[0] is no shape
}

// Operation is one operation of a service, built or not.
type Operation struct {
	Name   string
	Method string
	Path   string  // URI template, restJson1 and restXml: "/2015-03-31/functions/{FunctionName}"
	Status int     // of a success; 0 means 200
	Input  ShapeID // 0: takes nothing
	Output ShapeID // 0: answers nothing
}

// ShapeID is an index into Model.Shapes.
type ShapeID uint16

// Kind is the type of a shape.
type Kind uint8

const (
	String    Kind = iota + 1 // *string
	Integer                   // *int32
	Long                      // *int64
	Float                     // *float64
	Boolean                   // *bool
	Blob                      // []byte
	Timestamp                 // *time.Time
	List                      // []T
	Map                       // map[string]T
	Structure                 // *T
	Stream                    // iter.Seq2[*T, error]: events
)

// Shape is one type of a service.
type Shape struct {
	Name     string
	Kind     Kind
	Members  []Member // of a Structure, in the order of the fields of its Go type
	Elem     ShapeID  // of a List, and of a Map's values; the event union of a Stream
	Key      ShapeID  // of a Map
	Min, Max *float64 // length of String, Blob, List and Map; value of numbers
	Pattern  string
	Enum     []string
	Format   string // of a Timestamp where the protocol's own does not hold: "iso8601", "rfc822", "unixTimestamp"
	Payload  int    // 1 + index of the member that is the whole HTTP body
	Flat     bool   // lists and maps: written without a wrapping element in XML and forms
	ElemName string // element name of list items in XML, where not "member"
	KeyName  string // element name of map keys in XML, where not "key"
	ValName  string // element name of map values in XML, where not "value"
	Error    *ErrorInfo
}

// ErrorInfo makes a shape a modeled error.
type ErrorInfo struct {
	Code   string // on the wire
	Status int    // HTTP
	Server bool   // the service's fault, not the caller's
}

// Location says where a member of an Input or Output travels.
type Location uint8

const (
	InBody    Location = iota
	InURI              // a label of the path
	InQuery            // the query string
	InHeader           // one header
	InHeaders          // every header with the prefix Wire
	InStatus           // the HTTP status code
)

// Member is one member of a structure.
type Member struct {
	Name     string // in the model
	Wire     string // on the wire
	Shape    ShapeID
	Required bool
	In       Location
	Flat     bool // list or map without a wrapping element
	Attr     bool // an XML attribute
}
