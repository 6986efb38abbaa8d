package lambda

import (
	"context"

	"anthill/api/protocol"
)

func (d door) createEventSource(ctx context.Context, in *CreateEventSourceMappingInput) (*EventSourceMappingConfiguration, error) {
	r, err := refOf(ctx, in.FunctionName, nil)
	if err == nil {
		err = d.f.Map(r, protocol.Value(in.EventSourceArn))
	}
	if err == nil {
		err = protocol.Fail("InvalidParameterValueException", "Event source mappings are not supported by Anthill.")
		return nil, err
	}
	return nil, errorOf(err)
}

// listEventSources answers that there are none: none can be made.
func (d door) listEventSources(context.Context, *ListEventSourceMappingsInput) (*ListEventSourceMappingsOutput, error) {
	return &ListEventSourceMappingsOutput{EventSourceMappings: []EventSourceMappingConfiguration{}}, nil
}

func noEventSource() error {
	return &ResourceNotFoundException{Type: "User", Message: "The resource you requested does not exist."}
}

func (d door) getEventSource(context.Context, *GetEventSourceMappingInput) (*EventSourceMappingConfiguration, error) {
	return nil, noEventSource()
}

func (d door) deleteEventSource(context.Context, *DeleteEventSourceMappingInput) (*EventSourceMappingConfiguration, error) {
	return nil, noEventSource()
}

func (d door) updateEventSource(context.Context, *UpdateEventSourceMappingInput) (*EventSourceMappingConfiguration, error) {
	return nil, noEventSource()
}
