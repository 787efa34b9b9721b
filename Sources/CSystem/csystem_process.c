#include "include/csystem_process.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static const int end_signals[] = {SIGINT, SIGTERM, SIGHUP};
static const size_t end_signal_count = sizeof end_signals / sizeof *end_signals;

static sigset_t awaited;
static void (*end_action)(void *);
static void (*late_action)(void *);
static void *end_context;

void weir_ignore_output_signals(void) {
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);
}

static void *wait_for_signals(void *unused) {
  (void)unused;
  int number = 0;
  if (sigwait(&awaited, &number) != 0) return NULL;
  end_action(end_context);
  // Not every system can wait for a signal for a while.
  for (int waited = 0; late_action != NULL && waited < 800; waited += 20) {
    sigset_t pending;
    if (sigpending(&pending) == 0 && (sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1 ||
                                      sigismember(&pending, SIGHUP) == 1))
      break;
    const struct timespec step = {0, 20 * 1000000};
    nanosleep(&step, NULL);
    if (waited + 20 >= 800) {
      late_action(end_context);
      _exit(130);
    }
  }
  // Whoever asks twice means it: the default action of the second signal ends the process.
  if (sigwait(&awaited, &number) != 0) return NULL;
  signal(number, SIG_DFL);
  sigset_t one;
  sigemptyset(&one);
  sigaddset(&one, number);
  pthread_sigmask(SIG_UNBLOCK, &one, NULL);
  raise(number);
  _exit(128 + number);
}

int weir_on_end_signal(void (*action)(void *), void (*late)(void *), void *context) {
  sigemptyset(&awaited);
  int any = 0;
  for (size_t i = 0; i < end_signal_count; i++) {
    struct sigaction present;
    if (sigaction(end_signals[i], NULL, &present) == 0 && present.sa_handler == SIG_IGN) continue;
    sigaddset(&awaited, end_signals[i]);
    any = 1;
  }
  if (!any) return 0;
  end_action = action;
  late_action = late;
  end_context = context;
  sigset_t before;
  int code = pthread_sigmask(SIG_BLOCK, &awaited, &before);
  if (code != 0) return -code;
  pthread_t thread;
  code = pthread_create(&thread, NULL, wait_for_signals, NULL);
  if (code != 0) {
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return -code;
  }
  pthread_detach(thread);
  return 0;
}

void weir_wait_for_end(void) { pause(); }

int weir_is_terminal(int fd) { return isatty(fd); }

int weir_terminal_columns(int fd) {
  struct winsize size;
  return ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

int64_t weir_nanoseconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

int weir_write_stream(int fd, const void *bytes, size_t count) {
  const char *place = bytes;
  while (count > 0) {
    ssize_t written = write(fd, place, count);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return -errno;
    place += written;
    count -= (size_t)written;
  }
  return 0;
}
