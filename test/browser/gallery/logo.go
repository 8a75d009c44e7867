package gallery

import (
	_ "embed" // the logo
	"encoding/base64"
)

//go:embed logo.png
var picture []byte

var logo = "data:image/png;base64," + base64.StdEncoding.EncodeToString(picture)
