package v1alpha1

// RealmBranding is how the pages of a realm look. Their name is the realm's displayName.
type RealmBranding struct {
	// logo is a PNG, JPEG or WebP image as a data: URI in base64 (data:image/png;base64,...), at most 64 KiB long. It travels with every
	// page, so keep it small. SVG is not allowed: it is a document, not a picture. Default: the first letter of the name.
	// +optional
	// +kubebuilder:validation:MaxLength=65536
	// +kubebuilder:validation:Pattern=`^data:image/(png;base64,iVBORw0KGg[o-r][A-Za-z0-9+/]|jpeg;base64,/9j/|webp;base64,UklGR[g-v][A-Za-z0-9+/]{5}XRUJQ)([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$`
	Logo string `json:"logo,omitempty"`

	// color is the colour of buttons and links, #rrggbb. Text on it is made readable whatever it is. Default: #1b6b5a.
	// +optional
	// +kubebuilder:validation:MaxLength=7
	// +kubebuilder:validation:Pattern=`^#[0-9A-Fa-f]{6}$`
	Color string `json:"color,omitempty"`
}
