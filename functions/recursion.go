package functions

// SetRecursion says what becomes of a function that calls itself through others: "Terminate" or "Allow".
func (s *Service) SetRecursion(r Ref, loop string) error {
	const op = "functions.SetRecursion"
	_, err := s.edit(op, r.unqualified(), func(e *edit) error {
		e.RecursiveLoop = loop
		return nil
	})
	return err
}
