package kpack

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// node runs pods as a node of Kubernetes does, on the Docker Engine: users, groups, capabilities, limits and volumes are
// those that the pod asks for. The network is that of this machine.
type node struct {
	cluster  *cluster
	registry *registry
	// claims is the directory of the persistent volumes.
	claims string
}

// run runs a pod to its end, tells the cluster, and returns the logs of the containers, by name.
func (n *node) run(t testing.TB, pod *corev1.Pod) map[string]string {
	t.Helper()
	volumes := map[string]string{}
	for _, volume := range pod.Spec.Volumes {
		volumes[volume.Name] = n.volume(t, pod, volume)
	}
	pod = pod.DeepCopy()
	pod.Status.Phase = corev1.PodSucceeded
	logs := map[string]string{}
	for i, container := range append(pod.Spec.InitContainers, pod.Spec.Containers...) {
		log, state := n.container(t, pod, container, volumes)
		logs[container.Name] = log
		t.Logf("%s, container %s, ended with %d:\n%s", pod.Name, container.Name, state.ExitCode, log)
		status := corev1.ContainerStatus{Name: container.Name, State: corev1.ContainerState{Terminated: state}}
		if i < len(pod.Spec.InitContainers) {
			pod.Status.InitContainerStatuses = append(pod.Status.InitContainerStatuses, status)
		} else {
			pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, status)
		}
		if state.ExitCode != 0 {
			t.Errorf("container %s of %s ended with %d", container.Name, pod.Name, state.ExitCode)
			pod.Status.Phase = corev1.PodFailed
			break
		}
	}
	if _, err := n.cluster.kube.CoreV1().Pods(pod.Namespace).UpdateStatus(t.Context(), pod, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	if pod.Status.Phase == corev1.PodFailed {
		t.FailNow()
	}
	return logs
}

// volume makes a volume as the kubelet does, a directory that belongs to the group of the pod, and returns where it is.
func (n *node) volume(t testing.TB, pod *corev1.Pod, volume corev1.Volume) string {
	t.Helper()
	dir, mode := t.TempDir(), os.ModeSetgid|0o777
	switch {
	case volume.EmptyDir != nil:
	case volume.Secret != nil:
		n.secret(t, pod.Namespace, volume.Secret.SecretName, dir)
	case volume.PersistentVolumeClaim != nil:
		dir, mode = filepath.Join(n.claims, volume.PersistentVolumeClaim.ClaimName), os.ModeSetgid|0o775
		// A new file system has this directory, which is root's alone.
		if err := os.MkdirAll(filepath.Join(dir, "lost+found"), 0o700); err != nil {
			t.Fatal(err)
		}
	default:
		t.Fatalf("volume %s of %s is of a kind that this node does not have: %+v", volume.Name, pod.Name, volume.VolumeSource)
	}
	var err error
	if group := pod.Spec.SecurityContext.FSGroup; group != nil {
		err = os.Chown(dir, 0, int(*group))
	}
	// The directory above is t.TempDir's, the user's alone.
	if err = errors.Join(err, os.Chmod(dir, mode), os.Chmod(filepath.Dir(dir), 0o755)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// secret writes the files of a Secret in the form in which nodes have them: links, by way of one to a directory whose name
// has the time in it.
func (n *node) secret(t testing.TB, namespace, name, dir string) {
	t.Helper()
	found, err := n.cluster.kube.CoreV1().Secrets(namespace).Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	const data = "..2026_01_02_03_04_05.1234567890"
	if err := errors.Join(os.Mkdir(filepath.Join(dir, data), 0o755), os.Symlink(data, filepath.Join(dir, "..data"))); err != nil {
		t.Fatal(err)
	}
	for key, value := range found.Data {
		err := os.WriteFile(filepath.Join(dir, data, key), value, 0o644) // #nosec G306 -- as in a cluster
		if err = errors.Join(err, os.Symlink(filepath.Join("..data", key), filepath.Join(dir, key))); err != nil {
			t.Fatal(err)
		}
	}
}

// container runs a container and returns what it printed, and how it ended.
func (n *node) container(t testing.TB, pod *corev1.Pod, container corev1.Container, volumes map[string]string) (string, *corev1.ContainerStateTerminated) {
	t.Helper()
	if strings.HasPrefix(container.Image, n.registry.host) {
		n.registry.docker(t, "pull", "--quiet", container.Image)
		t.Cleanup(func() { _ = exec.Command("docker", "image", "rm", "--force", container.Image).Run() })
	}
	name := fmt.Sprintf("scalingo-go-kpack-%d-%s-%s", os.Getpid(), pod.Name, container.Name)
	args := append([]string{"run", "--rm", "--name", name, "--network", "host", "--entrypoint", container.Command[0]}, n.security(t, pod, container)...)
	for _, mount := range container.VolumeMounts {
		option := fmt.Sprintf("type=bind,source=%s,target=%s", filepath.Join(volumes[mount.Name], mount.SubPath), mount.MountPath)
		if mount.ReadOnly {
			option += ",readonly"
		}
		args = append(args, "--mount", option)
	}
	for _, variable := range container.Env {
		args = append(args, "--env", variable.Name+"="+variable.Value)
	}
	if container.WorkingDir != "" {
		args = append(args, "--workdir", container.WorkingDir)
	}
	message := filepath.Join(t.TempDir(), "message")
	if path := container.TerminationMessagePath; path != "" {
		write(t, message, "")
		if err := errors.Join(os.Chmod(message, 0o666), os.Chmod(filepath.Dir(filepath.Dir(message)), 0o755)); err != nil { // #nosec G302 -- as in a cluster
			t.Fatal(err)
		}
		args = append(args, "--mount", "type=bind,source="+message+",target="+path)
	}
	t.Cleanup(func() { _ = exec.Command("docker", "rm", "--force", name).Run() }) // where the test is stopped
	cmd := exec.Command("docker", append(append(args, container.Image), container.Args...)...)
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	said, err := os.ReadFile(message)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return log.String(), &corev1.ContainerStateTerminated{ExitCode: int32(cmd.ProcessState.ExitCode()), Message: string(said)} // #nosec G115 -- a byte
}

// security are the options for what a pod and its container may do.
func (n *node) security(t testing.TB, pod *corev1.Pod, container corev1.Container) []string {
	t.Helper()
	var args []string
	user, may := pod.Spec.SecurityContext, container.SecurityContext
	if user.RunAsUser != nil {
		args = append(args, "--user", fmt.Sprintf("%d:%d", *user.RunAsUser, *user.RunAsGroup), "--group-add", strconv.FormatInt(*user.FSGroup, 10))
	} else if of := run(t, exec.Command("docker", "image", "inspect", "--format", "{{.Config.User}}", container.Image)); *may.RunAsNonRoot && (of == "\n" || of[0] < '1' || of[0] > '9') {
		t.Fatalf("a node would not run %s: its user is %q, and the pod wants one with a number that is not 0", container.Image, of)
	}
	if !*may.AllowPrivilegeEscalation {
		args = append(args, "--security-opt", "no-new-privileges")
	}
	for _, capability := range may.Capabilities.Drop {
		args = append(args, "--cap-drop", string(capability))
	}
	if memory := container.Resources.Limits.Memory(); !memory.IsZero() {
		args = append(args, "--memory", strconv.FormatInt(memory.Value(), 10))
	}
	return args
}
