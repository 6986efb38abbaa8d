package gateways

import (
	"regexp"
	"strings"

	"anthill/fault"
)

// partPattern is what AWS allows in a path part: letters, digits and some signs, or one parameter in braces.
var partPattern = regexp.MustCompile(`^(?:[a-zA-Z0-9._\-:]+|\{[a-zA-Z0-9._\-:]+\+?\})$`)

// AddResource puts a resource under parent.
func (a *RestAPI) AddResource(parent, part string) (*Resource, error) {
	const op = "gateways.AddResource"
	p, ok := a.Resources[parent]
	if !ok {
		return nil, notFound(op, "resource", parent)
	}
	if !partPattern.MatchString(part) {
		return nil, invalid(op, "resource", "Resource's path part only allow a-zA-Z0-9._-: or a valid greedy path variable and curly braces at the beginning and the end.")
	}
	if strings.HasSuffix(p.PathPart, "+}") {
		return nil, invalid(op, "resource", "Cannot create a child of a resource with a greedy path variable.")
	}
	for _, c := range a.children(parent) {
		if c.PathPart == part {
			return nil, conflict(op, "resource", part, "Another resource with the same parent already has this name: "+part)
		}
		if isParameter(c.PathPart) && isParameter(part) {
			return nil, invalid(op, "resource", "A sibling ("+c.PathPart+") of this resource already has a variable path part -- only one is allowed")
		}
	}
	r := &Resource{ID: newID(6), ParentID: parent, PathPart: part, Path: strings.TrimSuffix(p.Path, "/") + "/" + part, Methods: map[string]*Method{}}
	a.Resources[r.ID] = r
	return r, nil
}

func isParameter(part string) bool { return strings.HasPrefix(part, "{") }

// RemoveResource takes a resource and everything below it away.
func (a *RestAPI) RemoveResource(id string) error {
	const op = "gateways.RemoveResource"
	if _, ok := a.Resources[id]; !ok {
		return notFound(op, "resource", id)
	}
	if id == a.RootResourceID {
		return invalid(op, "resource", "Cannot delete a resource that is the root of an API")
	}
	for _, c := range a.children(id) {
		if err := a.RemoveResource(c.ID); err != nil {
			return err
		}
	}
	delete(a.Resources, id)
	return nil
}

// Method finds one method of a resource.
func (a *RestAPI) Method(resource, method string) (*Method, error) {
	const op = "gateways.Method"
	r, ok := a.Resources[resource]
	if !ok {
		return nil, notFound(op, "resource", resource)
	}
	m, ok := r.Methods[method]
	if !ok {
		return nil, notFound(op, "method", method)
	}
	return m, nil
}

// httpMethods are the methods that API Gateway knows.
var httpMethods = map[string]bool{"GET": true, "POST": true, "PUT": true, "PATCH": true, "DELETE": true, "HEAD": true, "OPTIONS": true, "ANY": true}

// AddMethod gives a resource a method that it does not have yet.
func (a *RestAPI) AddMethod(resource string, m *Method) error {
	const op = "gateways.AddMethod"
	r, ok := a.Resources[resource]
	if !ok {
		return notFound(op, "resource", resource)
	}
	if !httpMethods[m.HTTPMethod] {
		return invalid(op, "method", "Invalid HttpMethod specified. Valid options are GET,PUT,POST,DELETE,PATCH,OPTIONS,HEAD,ANY")
	}
	if err := a.CheckMethod(m); err != nil {
		return err
	}
	if _, ok := r.Methods[m.HTTPMethod]; ok {
		return conflict(op, "method", m.HTTPMethod, "Method already exists for this resource")
	}
	m.Responses = map[string]*MethodResponse{}
	r.Methods[m.HTTPMethod] = m
	return nil
}

// RemoveMethod takes a method away.
func (a *RestAPI) RemoveMethod(resource, method string) error {
	if _, err := a.Method(resource, method); err != nil {
		return fault.In("gateways.RemoveMethod", err)
	}
	delete(a.Resources[resource].Methods, method)
	return nil
}

// MoveResource changes a resource's path part ("" leaves it) and parent ("" leaves it), and the paths below it.
func (a *RestAPI) MoveResource(id, part, parent string) error {
	const op = "gateways.MoveResource"
	r, ok := a.Resources[id]
	if !ok {
		return notFound(op, "resource", id)
	}
	if id == a.RootResourceID {
		if part != "" {
			return invalid(op, "resource", "Root resource cannot update its pathPart.")
		}
		return invalid(op, "resource", "Root resource cannot update its parentId.")
	}
	if part == "" {
		part = r.PathPart
	}
	if parent == "" {
		parent = r.ParentID
	}
	for at := parent; at != ""; {
		if at == id {
			return invalid(op, "resource", "Resources cannot be cyclic.")
		}
		p, ok := a.Resources[at]
		if !ok {
			return notFound(op, "resource", at)
		}
		at = p.ParentID
	}
	delete(a.Resources, id)
	moved, err := a.AddResource(parent, part)
	a.Resources[id] = r
	if err != nil {
		return err
	}
	delete(a.Resources, moved.ID)
	r.ParentID, r.PathPart = parent, part
	a.repath(r)
	return nil
}

func (a *RestAPI) repath(r *Resource) {
	r.Path = strings.TrimSuffix(a.Resources[r.ParentID].Path, "/") + "/" + r.PathPart
	for _, c := range a.children(r.ID) {
		a.repath(c)
	}
}

// checkParameterNames refuses request parameters that are no parameters, or that share a name.
func checkParameterNames(parameters map[string]bool) error {
	const op = "gateways.checkParameterNames"
	seen := map[string]bool{}
	for p := range parameters {
		name, ok := "", false
		for _, place := range []string{"querystring.", "header.", "path.", "multivaluequerystring.", "multivalueheader."} {
			if name, ok = strings.CutPrefix(p, "method.request."+place); ok {
				break
			}
		}
		if !ok || name == "" {
			return invalid(op, "method", "Invalid mapping expression specified: Validation Result: warnings : [], errors : [Invalid mapping expression specified: "+p+"]")
		}
		if seen[name] {
			return invalid(op, "method", "Parameter names must be unique across querystring, header and path")
		}
		seen[name] = true
	}
	return nil
}
