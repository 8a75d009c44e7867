//go:build !unix

package tokencache

import "io/fs"

// noFollow has no counterpart here: links need privileges on Windows, and the folder inherits the access list of the user's profile.
const noFollow = 0

func private(string, fs.FileInfo) error { return nil }
