package gateways

import "strings"

// route finds the resource of a deployment that serves path and the values of its path parameters. A literal part wins
// over a parameter, and a parameter over a greedy one, as API Gateway documents.
func route(d *Deployment, path string) (*Resource, map[string]string) {
	parts := strings.Split(strings.Trim(path, "/"), "/")
	if len(parts) == 1 && parts[0] == "" {
		parts = nil
	}
	root := (*Resource)(nil)
	below := map[string][]*Resource{}
	for _, r := range d.Resources {
		if r.ParentID == "" {
			root = r
		} else {
			below[r.ParentID] = append(below[r.ParentID], r)
		}
	}
	if root == nil {
		return nil, nil
	}
	params := map[string]string{}
	if r := descend(root, parts, below, params); r != nil {
		return r, params
	}
	return nil, nil
}

// descend goes down from r by parts, trying literal children first.
func descend(r *Resource, parts []string, below map[string][]*Resource, params map[string]string) *Resource {
	if len(parts) == 0 {
		if len(r.Methods) == 0 {
			return nil
		}
		return r
	}
	var parameter, greedy *Resource
	for _, c := range below[r.ID] {
		switch {
		case c.PathPart == parts[0]:
			if found := descend(c, parts[1:], below, params); found != nil {
				return found
			}
		case strings.HasSuffix(c.PathPart, "+}"):
			greedy = c
		case isParameter(c.PathPart):
			parameter = c
		}
	}
	if parameter != nil {
		if found := descend(parameter, parts[1:], below, params); found != nil {
			params[strings.Trim(parameter.PathPart, "{}")] = parts[0]
			return found
		}
	}
	if greedy != nil && len(greedy.Methods) > 0 {
		params[strings.Trim(greedy.PathPart, "{+}")] = strings.Join(parts, "/")
		return greedy
	}
	return nil
}
