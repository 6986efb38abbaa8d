package jsonata

import "anthill/value"

// kind is what a node of the tree is. The parser makes raw trees of them; resolve rewrites those into trees of paths.
type kind uint8

const (
	kEnd kind = iota // past the last token
	kName
	kVariable
	kString
	kNumber
	kValue // true, false, null
	kRegex
	kOperator // a token that no rule has taken yet
	kBinary
	kUnary
	kWildcard
	kDescendant
	kParent
	kFunction
	kPartial
	kLambda
	kBlock
	kCondition
	kTransform
	kPath
	kSort
	kBind
	kApply
)

var kindNames = [...]string{"(end)", "name", "variable", "string", "number", "value", "regex", "operator", "binary", "unary",
	"wildcard", "descendant", "parent", "function", "partial", "lambda", "block", "condition", "transform", "path", "sort", "bind", "apply"}

// node is one node of the tree. Which fields are set depends on its kind.
type node struct {
	kind  kind
	pos   int         // byte offset in the source just after the token, as JSONata counts
	text  string      // name, operator, variable, string; of a number its text
	lit   value.Value // string, number, value
	regex *regexLiteral

	lhs, rhs    *node
	list        []*node    // items of an array, expressions of a block, arguments of a call, steps of a path
	pairs       [][2]*node // object constructor
	terms       []sortTerm // order-by
	proc        *node      // what a call calls
	body        *node      // lambda
	sig         *signature // lambda; may be nil
	cond        *node
	then, other *node
	pattern     *node // transform
	update      *node
	remove      *node

	predicate []stage // filters on a node that is no step
	stages    []stage // filters and indexes on a step
	group     *node   // kUnary "{" applied to the node's result

	keepArray     bool // x[]
	keepSingleton bool // a path with a step x[]
	consArray     bool // an array constructor whose result is not flattened
	tail          bool // a call in tail position of a lambda
	tuple         bool // yields a tuple stream
	focus, index  string
	ancestor      *slot // a step whose input some % refers to
	slot          *slot // of a %
	seeking       []*slot
}

type sortTerm struct {
	descending bool
	expr       *node
}

// stage is a filter, or (index set) the binding of a position.
type stage struct {
	filter *node
	index  string
	pos    int
}

// slot is the variable that carries the parent which one % means. level counts the steps still to go up.
type slot struct {
	label string
	level int
}

func (n *node) isUnary(op string) bool  { return n.kind == kUnary && n.text == op }
func (n *node) isBinary(op string) bool { return n.kind == kBinary && n.text == op }
