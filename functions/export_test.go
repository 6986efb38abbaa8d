package functions

// QueuedKeys lists what s has queued.
func QueuedKeys(s *Service) []string {
	var keys []string
	for key := range s.queue.docs.Each("") {
		keys = append(keys, key)
	}
	return keys
}
