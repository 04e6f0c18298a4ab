/* Floor: what a compiled program needs to start N processes. spawner <file with one command a line> */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>

extern char **environ;

static pid_t *children;
static volatile sig_atomic_t count;

static void stop(int signal_number) {
  (void)signal_number;
  for (int i = 0; i < count; i += 1)
    if (children[i] > 1) kill(children[i], SIGTERM);
}

int main(int argc, char **argv) {
  FILE *file = argc == 2 ? fopen(argv[1], "r") : NULL;
  if (file == NULL) return 2;
  struct sigaction action = {.sa_handler = stop, .sa_flags = SA_RESTART};
  sigaction(SIGINT, &action, NULL);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  char *line = NULL;
  size_t room = 0;
  size_t places = 0;
  for (ssize_t length; (length = getline(&line, &room, file)) > 0;) {
    line[strcspn(line, "\n")] = '\0';
    if ((size_t)count == places) {
      places = places * 2 + 1024;
      children = realloc(children, places * sizeof *children);
      if (children == NULL) return 1;
    }
    char *const command[] = {"sh", "-c", line, NULL};
    pid_t pid;
    if (posix_spawn(&pid, "/bin/sh", &files, NULL, command, environ) != 0) return 1;
    children[count] = pid;
    count += 1;
  }
  /* A child that has been waited for is not signalled: its pid may be another's by now. */
  for (int left = count; left > 0; left -= 1) {
    pid_t pid = wait(NULL);
    if (pid < 0 && errno == ECHILD) break;
    for (int i = 0; i < count; i += 1)
      if (children[i] == pid) children[i] = 0;
  }
  return 0;
}
