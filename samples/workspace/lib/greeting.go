// Package lib is the second module of the workspace.
package lib

import "fmt"

// Greeting welcomes name.
func Greeting(name string) string {
	return fmt.Sprintf("Hello %s, from a module of the workspace", name)
}
