// Package events is the door of Amazon EventBridge, of which only connections are built: tasks of Step Functions that call
// HTTP APIs need them.
package events
