#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "include/csystem_process.h"

extern char **environ;

// A pipe that programs started by others do not inherit.
static int private_pipe(int ends[2]) {
#if defined(__linux__)
  return pipe2(ends, O_CLOEXEC) == 0 ? 0 : -errno;
#else
  if (pipe(ends) != 0) return -errno;
  fcntl(ends[0], F_SETFD, FD_CLOEXEC);
  fcntl(ends[1], F_SETFD, FD_CLOEXEC);
  return 0;
#endif
}

// This process blocks and ignores signals that a child would inherit so. The child leads a group of its own, so that all that
// it starts can be asked to end.
static int set_signals(posix_spawnattr_t *attributes) {
  sigset_t none, standard;
  sigemptyset(&none);
  sigemptyset(&standard);
  const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGXFSZ};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) sigaddset(&standard, numbers[i]);
  int code = posix_spawnattr_setsigmask(attributes, &none);
  if (code == 0) code = posix_spawnattr_setsigdefault(attributes, &standard);
  if (code == 0) code = posix_spawnattr_setpgroup(attributes, 0);
  const short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP;
  if (code == 0) code = posix_spawnattr_setflags(attributes, flags);
  return code;
}

int weir_shell_start(const char *command, int *output, pid_t *process) {
  int ends[2];
  int code = private_pipe(ends);
  if (code != 0) return code;
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  code = posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
  if (code == 0) code = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  if (code == 0) code = set_signals(&attributes);
  char *const arguments[] = {"sh", "-c", (char *)command, NULL};
  if (code == 0) code = posix_spawn(process, "/bin/sh", &actions, &attributes, arguments, environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  if (code != 0) {
    close(ends[0]);
    return -code;
  }
  *output = ends[0];
  return 0;
}

ssize_t weir_shell_read(int output, void *bytes, size_t count, int milliseconds) {
  struct pollfd wanted = {.fd = output, .events = POLLIN};
  int ready = poll(&wanted, 1, milliseconds);
  if (ready == 0 || (ready < 0 && errno == EINTR)) return -EAGAIN;
  if (ready < 0) return -errno;
  ssize_t found = read(output, bytes, count);
  if (found >= 0) return found;
  return errno == EINTR ? -EAGAIN : -errno;
}

void weir_shell_stop(pid_t process) { kill(-process, SIGTERM); }

int weir_shell_finish(int output, pid_t process) {
  close(output);
  int status = 0;
  while (waitpid(process, &status, 0) < 0) {
    if (errno != EINTR) return -errno;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : WIFSIGNALED(status) ? 128 + WTERMSIG(status) : -ECHILD;
}
