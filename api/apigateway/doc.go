// Package apigateway is the door of Amazon API Gateway's REST APIs: wire types become the service's own, and its faults become AWS's error codes.
package apigateway
