package host

import "context"

func (h *Host) icon(string) (Icon, error) { return Icon{}, &Error{Code: CodeNotFound} }
func (h *Host) uiOf(string) string        { return UINone }
func (h *Host) openUI(string, string) (*UIFile, error) {
	return nil, &Error{Code: CodeNotFound}
}
func (h *Host) about(context.Context) About { return About{} }
