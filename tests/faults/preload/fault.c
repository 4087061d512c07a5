/* Lets system calls on chosen files fail, in a process that was started with LD_PRELOAD.

   FAULT_FILE   a text that the last part of the path holds
   FAULT_CALL   read, write, open, look (stat and its kin), sync or rename
   FAULT_ERRNO  the error's number
   FAULT_AT     how many such calls go well first
   FAULT_TIMES  how many fail then; all others go well again
   FAULT_LOG    a file that gets a letter for each that failed: who tests must know that there was a fault

   The variables are read at every call, so a forked child may have others than its parent. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_long met;

static void tell(void)
{
    const char *log = getenv("FAULT_LOG");
    if (!log)
        return;
    /* Past the functions below, which are ours. */
    long handle = syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND, 0666);
    syscall(SYS_write, handle, "x", 1);
    syscall(SYS_close, handle);
}

static int fails(const char *call, const char *path)
{
    const char *wanted = getenv("FAULT_CALL"), *file = getenv("FAULT_FILE");
    const char *name = path ? strrchr(path, '/') : NULL;
    name = name ? name + 1 : path;
    if (!wanted || !file || !name || strcmp(wanted, call) || !strstr(name, file))
        return 0;
    long at = atoi(getenv("FAULT_AT") ? getenv("FAULT_AT") : "0");
    long times = atoi(getenv("FAULT_TIMES") ? getenv("FAULT_TIMES") : "1");
    long now = atomic_fetch_add(&met, 1);
    if (now < at || now >= at + times)
        return 0;
    tell();
    errno = atoi(getenv("FAULT_ERRNO") ? getenv("FAULT_ERRNO") : "5");
    return 1;
}

static int fails_at(const char *call, int handle)
{
    char link[64], path[4096];
    int before = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", handle);
    ssize_t length = readlink(link, path, sizeof path - 1);
    errno = before;
    if (length < 0)
        return 0;
    path[length] = 0;
    return fails(call, path);
}

#define REAL(name) \
    static __typeof__(&name) real; \
    if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

#define MODE(flags, mode) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | O_TMPFILE)) { va_list rest; va_start(rest, flags); mode = va_arg(rest, mode_t); va_end(rest); }

int open(const char *path, int flags, ...) { REAL(open); MODE(flags, mode) return fails("open", path) ? -1 : real(path, flags, mode); }
int open64(const char *path, int flags, ...) { REAL(open64); MODE(flags, mode) return fails("open", path) ? -1 : real(path, flags, mode); }
int openat(int at, const char *path, int flags, ...) { REAL(openat); MODE(flags, mode) return fails("open", path) ? -1 : real(at, path, flags, mode); }
FILE *fopen(const char *path, const char *mode) { REAL(fopen); return fails("open", path) ? NULL : real(path, mode); }
FILE *fopen64(const char *path, const char *mode) { REAL(fopen64); return fails("open", path) ? NULL : real(path, mode); }
ssize_t read(int handle, void *data, size_t size) { REAL(read); return fails_at("read", handle) ? -1 : real(handle, data, size); }
ssize_t pread(int handle, void *data, size_t size, off_t at) { REAL(pread); return fails_at("read", handle) ? -1 : real(handle, data, size, at); }
ssize_t pread64(int handle, void *data, size_t size, off64_t at) { REAL(pread64); return fails_at("read", handle) ? -1 : real(handle, data, size, at); }
ssize_t write(int handle, const void *data, size_t size) { REAL(write); return fails_at("write", handle) ? -1 : real(handle, data, size); }
ssize_t writev(int handle, const struct iovec *data, int count) { REAL(writev); return fails_at("write", handle) ? -1 : real(handle, data, count); }
ssize_t pwrite(int handle, const void *data, size_t size, off_t at) { REAL(pwrite); return fails_at("write", handle) ? -1 : real(handle, data, size, at); }
ssize_t pwrite64(int handle, const void *data, size_t size, off64_t at) { REAL(pwrite64); return fails_at("write", handle) ? -1 : real(handle, data, size, at); }
int fsync(int handle) { REAL(fsync); return fails_at("sync", handle) ? -1 : real(handle); }
int rename(const char *from, const char *to) { REAL(rename); return fails("rename", to) ? -1 : real(from, to); }
int renameat(int a, const char *from, int b, const char *to) { REAL(renameat); return fails("rename", to) ? -1 : real(a, from, b, to); }
int stat(const char *path, struct stat *found) { REAL(stat); return fails("look", path) ? -1 : real(path, found); }
int stat64(const char *path, struct stat64 *found) { REAL(stat64); return fails("look", path) ? -1 : real(path, found); }
int lstat(const char *path, struct stat *found) { REAL(lstat); return fails("look", path) ? -1 : real(path, found); }
int lstat64(const char *path, struct stat64 *found) { REAL(lstat64); return fails("look", path) ? -1 : real(path, found); }
int fstatat(int at, const char *path, struct stat *found, int flags) { REAL(fstatat); return fails("look", path) ? -1 : real(at, path, found, flags); }
int fstatat64(int at, const char *path, struct stat64 *found, int flags) { REAL(fstatat64); return fails("look", path) ? -1 : real(at, path, found, flags); }
