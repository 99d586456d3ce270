/* A disk that is full while a file says so. Preloaded before the C library (LD_PRELOAD), it fails with ENOSPC each write
 * that would make a file below $DISK_FULL_ROOT/dev/<name>/ grow, as long as $DISK_FULL_ROOT/full-<name> exists. A
 * refusal is noted in $DISK_FULL_ROOT/refused-<name>, so that a test can tell that it tested something. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static const char *root(void) {
    static const char *known;
    if (!known) known = getenv("DISK_FULL_ROOT");
    return known;
}

/* The disk that a file is on, or nothing. */
static int disk_of(int fd, char *name, size_t size) {
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    size_t prefix = strlen(root());
    if (strncmp(path, root(), prefix) || strncmp(path + prefix, "/dev/", 5)) return 0;
    const char *begin = path + prefix + 5, *end = strchr(begin, '/');
    if (!end || (size_t)(end - begin) >= size) return 0;
    memcpy(name, begin, end - begin);
    name[end - begin] = 0;
    return 1;
}

/* Most of the time no disk is full, and then this costs one look at the directory of marks. */
static int is_full(int fd, off_t end) {
    char name[64], path[PATH_MAX];
    struct stat file;
    int before = errno, full = 0;
    if (root() && !fstat(fd, &file) && S_ISREG(file.st_mode) && end > file.st_size && disk_of(fd, name, sizeof name)) {
        snprintf(path, sizeof path, "%s/full-%s", root(), name);
        full = !access(path, F_OK);
        if (full) {
            snprintf(path, sizeof path, "%s/refused-%s", root(), name);
            int mark = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
            if (mark >= 0) {
                syscall(SYS_write, mark, "x", 1);
                close(mark);
            }
        }
    }
    errno = full ? ENOSPC : before;
    return full;
}

static off_t place(int fd) {
    struct stat file;
    int flags = fcntl(fd, F_GETFL);
    if (flags >= 0 && (flags & O_APPEND) && !fstat(fd, &file)) return file.st_size;
    off_t at = lseek(fd, 0, SEEK_CUR);
    return at < 0 ? 0 : at;
}

static off_t total(const struct iovec *parts, int count) {
    off_t sum = 0;
    for (int i = 0; i < count; i++) sum += parts[i].iov_len;
    return sum;
}

#define NEXT(name) \
    static __typeof__(name) *next; \
    if (!next) next = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

ssize_t write(int fd, const void *bytes, size_t length) {
    NEXT(write);
    struct stat file;
    int before = errno;
    int regular = root() && !fstat(fd, &file) && S_ISREG(file.st_mode);
    errno = before;
    return regular && is_full(fd, place(fd) + length) ? -1 : next(fd, bytes, length);
}
ssize_t writev(int fd, const struct iovec *parts, int count) {
    NEXT(writev);
    struct stat file;
    int before = errno;
    int regular = root() && !fstat(fd, &file) && S_ISREG(file.st_mode);
    errno = before;
    return regular && is_full(fd, place(fd) + total(parts, count)) ? -1 : next(fd, parts, count);
}
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) {
    NEXT(pwrite);
    return is_full(fd, at + length) ? -1 : next(fd, bytes, length, at);
}
ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at) {
    NEXT(pwrite64);
    return is_full(fd, at + length) ? -1 : next(fd, bytes, length, at);
}
ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at) {
    NEXT(pwritev);
    return is_full(fd, at + total(parts, count)) ? -1 : next(fd, parts, count, at);
}
ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t at) {
    NEXT(pwritev64);
    return is_full(fd, at + total(parts, count)) ? -1 : next(fd, parts, count, at);
}
int posix_fallocate(int fd, off_t at, off_t length) {
    NEXT(posix_fallocate);
    return is_full(fd, at + length) ? ENOSPC : next(fd, at, length);
}
int posix_fallocate64(int fd, off64_t at, off64_t length) {
    NEXT(posix_fallocate64);
    return is_full(fd, at + length) ? ENOSPC : next(fd, at, length);
}
int fallocate(int fd, int mode, off_t at, off_t length) {
    NEXT(fallocate);
    return is_full(fd, at + length) ? -1 : next(fd, mode, at, length);
}
int fallocate64(int fd, int mode, off64_t at, off64_t length) {
    NEXT(fallocate64);
    return is_full(fd, at + length) ? -1 : next(fd, mode, at, length);
}
