package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	securejoin "github.com/cyphar/filepath-securejoin"
)

// imageSandbox is a sandbox whose root is an unpacked image; the command is still to be set.
func imageSandbox(image v1.Image, root string, options runOptions) (sandbox, error) {
	file, err := image.ConfigFile()
	if err != nil {
		return sandbox{}, fmt.Errorf("image %s: %w", options.image, err)
	}
	uid, gid, err := imageUser(root, file.Config.User)
	if err != nil {
		return sandbox{}, fmt.Errorf("image %s: %w", options.image, err)
	}
	asked, err := environment(options.env, nil)
	if err != nil {
		return sandbox{}, err
	}
	env := map[string]string{"HOME": imageHome(root, uid)}
	for _, assignment := range file.Config.Env {
		name, value, _ := strings.Cut(assignment, "=")
		env[name] = value
	}
	if options.port != 0 {
		env["PORT"] = strconv.Itoa(options.port)
	}
	for name, value := range asked {
		env[name] = value
	}
	dir := file.Config.WorkingDir
	if dir == "" {
		dir = "/"
	}
	mounts := systemMounts()
	for _, path := range []string{"/etc/resolv.conf", "/etc/hosts"} {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			mounts = append(mounts, sandboxMount{Kind: mountBind, Source: real, Target: path, ReadOnly: true, Optional: true})
		}
	}
	if options.readOnly {
		mounts = append(mounts, sandboxMount{Kind: mountTmpfs, Target: "/tmp", Mode: "1777"})
	}
	return sandbox{Root: root, ReadOnly: options.readOnly, Mounts: mounts, UID: uid, GID: gid, Env: env, Dir: dir}, nil
}

// imageUser is who an image's processes run as: "UID", "UID:GID", or names out of the image's own lists.
func imageUser(root, user string) (uid, gid int, err error) {
	name, group, hasGroup := strings.Cut(user, ":")
	if name == "" || name == "0" || name == "root" {
		return 0, 0, fmt.Errorf("its user is %q: buildpacks' images do not run as root", user)
	}
	entry, err := accountEntry(root, "passwd", name)
	if err != nil {
		return 0, 0, err
	}
	switch {
	case entry != nil:
		uid, err = strconv.Atoi(entry[2])
	default:
		uid, err = strconv.Atoi(name)
	}
	if err != nil {
		return 0, 0, fmt.Errorf("its user %q is neither a number nor in its /etc/passwd", name)
	}
	if !hasGroup {
		if len(entry) > 3 {
			gid, err = strconv.Atoi(entry[3])
		}
		return uid, gid, err
	}
	entry, err = accountEntry(root, "group", group)
	if err != nil {
		return 0, 0, err
	}
	if entry != nil {
		group = entry[2]
	}
	if gid, err = strconv.Atoi(group); err != nil {
		return 0, 0, fmt.Errorf("its group %q is neither a number nor in its /etc/group", group)
	}
	return uid, gid, nil
}

// imageHome is a user's home directory by the image's passwd file, or the root directory, as Docker has it.
func imageHome(root string, uid int) string {
	entry, err := accountEntry(root, "passwd", strconv.Itoa(uid))
	if err != nil || len(entry) < 6 || entry[5] == "" {
		return "/"
	}
	return entry[5]
}

// accountEntry finds a name or number in the image's passwd or group file; nil when it is not there.
func accountEntry(root, file, name string) ([]string, error) {
	path, err := securejoin.SecureJoin(root, "/etc/"+file)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Split(strings.TrimSpace(line), ":")
		if len(fields) >= 3 && (fields[0] == name || fields[2] == name) {
			return fields, nil
		}
	}
	return nil, nil
}

// processEntrypoint is what starts a process: the image's own entry point, or the link of another process type.
func processEntrypoint(image v1.Image, processes []reportProcess, wanted string) ([]string, error) {
	var types []string
	for _, process := range processes {
		if process.Type == wanted {
			return []string{"/cnb/process/" + wanted}, nil
		}
		types = append(types, process.Type)
	}
	if wanted != "" {
		return nil, fmt.Errorf("the image has no process %q; it has: %s", wanted, strings.Join(types, ", "))
	}
	file, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	if len(file.Config.Entrypoint) == 0 || filepath.Dir(file.Config.Entrypoint[0]) != "/cnb/process" {
		return nil, fmt.Errorf("the image has no default process: name one with --process; it has: %s", strings.Join(types, ", "))
	}
	return file.Config.Entrypoint, nil
}
