/* Counts, fails or records the operations of a process on files under a folder.
 *
 * Loaded with LD_PRELOAD, so it sees what Python does and what the engines do themselves.
 * tests/support/file_operations.py drives it, and describes the record.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define DESCRIPTORS 65536

static char folder[PATH_MAX], failed[16];
static long fail_at, count;
static int works, error_number, record = -1;
static char is_ours[DESCRIPTORS]; /* by descriptor: whether its file is under the folder */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Begin: the operation of that number fails with that error, 0 for none. Record into a file. */
void operations_begin(const char *under, long at, int error, const char *record_in) {
    snprintf(folder, sizeof folder, "%s", under);
    fail_at = at;
    error_number = error;
    if (*record_in)
        record = syscall(SYS_openat, AT_FDCWD, record_in, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    works = 1;
}

/* End; gives the number of operations, and the name of the one that failed. */
long operations_end(char *name) {
    works = 0;
    strcpy(name, failed);
    return count;
}

/* The absolute path; whether it is the folder or under it. */
static int resolve(int directory, const char *path, char *out) {
    char base[PATH_MAX] = "", link[64];
    if (!works)
        return 0;
    if (*path != '/') {
        if (directory == AT_FDCWD)
            snprintf(link, sizeof link, "/proc/self/cwd");
        else
            snprintf(link, sizeof link, "/proc/self/fd/%d", directory);
        ssize_t length = readlink(link, base, sizeof base - 2);
        if (length < 0)
            return 0;
        base[length] = '/';
        base[length + 1] = 0;
    }
    snprintf(out, PATH_MAX, "%s%s", base, path);
    size_t length = strlen(folder);
    return strncmp(out, folder, length) == 0 && (out[length] == '/' || out[length] == 0);
}

static int is_tracked(int descriptor) {
    return works && descriptor >= 0 && descriptor < DESCRIPTORS && is_ours[descriptor];
}

/* Count an operation; whether it must fail. The lock is held. */
static int fails(const char *name) {
    if (++count != fail_at)
        return 0;
    strcpy(failed, name);
    errno = error_number;
    return 1;
}

static void note(const char *line, const void *data, size_t length) {
    struct iovec parts[] = {{(void *)line, strlen(line)}, {(void *)data, length}};
    if (record >= 0)
        syscall(SYS_writev, record, parts, 2);
}

#define LOCKED(NAME, CALL, ...)                                                                   \
    do {                                                                                          \
        char line[3 * PATH_MAX];                                                                  \
        pthread_mutex_lock(&lock);                                                                \
        long answer = fails(NAME) ? -1 : (CALL);                                                  \
        int kept = errno;                                                                         \
        if (answer >= 0) {                                                                        \
            __VA_ARGS__;                                                                          \
        }                                                                                         \
        pthread_mutex_unlock(&lock);                                                              \
        errno = kept;                                                                             \
        return answer;                                                                            \
    } while (0)
#define NOTE(...) snprintf(line, sizeof line, __VA_ARGS__), note(line, "", 0)

static int open_(int directory, const char *path, int flags, mode_t mode) {
    char full[PATH_MAX];
    if (!resolve(directory, path, full))
        return syscall(SYS_openat, directory, path, flags, mode);
    LOCKED("open", syscall(SYS_openat, directory, path, flags, mode),
           if (answer < DESCRIPTORS) is_ours[answer] = 1;
           NOTE("open %ld %d %s\n", answer, !!(flags & O_TRUNC), full));
}

#define MODE                                                                                      \
    mode_t mode = 0;                                                                              \
    if (flags & (O_CREAT | __O_TMPFILE)) {                                                        \
        va_list more;                                                                             \
        va_start(more, flags);                                                                    \
        mode = va_arg(more, int);                                                                 \
        va_end(more);                                                                             \
    }

int open(const char *path, int flags, ...) { MODE return open_(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE return open_(AT_FDCWD, path, flags, mode); }
int openat(int at, const char *path, int flags, ...) { MODE return open_(at, path, flags, mode); }
int openat64(int at, const char *path, int flags, ...) { MODE return open_(at, path, flags, mode); }

int close(int descriptor) {
    if (descriptor >= 0 && descriptor < DESCRIPTORS)
        is_ours[descriptor] = 0;
    return syscall(SYS_close, descriptor);
}

static ssize_t write_(int descriptor, const void *data, size_t length, off_t offset) {
    LOCKED("write", syscall(SYS_pwrite64, descriptor, data, length, offset),
           snprintf(line, sizeof line, "write %d %ld %ld\n", descriptor, (long)offset, answer),
           note(line, data, answer));
}

ssize_t write(int descriptor, const void *data, size_t length) {
    if (!is_tracked(descriptor))
        return syscall(SYS_write, descriptor, data, length);
    int appends = fcntl(descriptor, F_GETFL) & O_APPEND;
    off_t offset = lseek(descriptor, 0, appends ? SEEK_END : SEEK_CUR);
    ssize_t written = write_(descriptor, data, length, offset);
    if (written > 0)
        lseek(descriptor, offset + written, SEEK_SET);
    return written;
}

ssize_t writev(int descriptor, const struct iovec *parts, int number) {
    if (!is_tracked(descriptor))
        return syscall(SYS_writev, descriptor, parts, number);
    return number ? write(descriptor, parts[0].iov_base, parts[0].iov_len) : 0;
}

ssize_t pwrite(int descriptor, const void *data, size_t length, off_t offset) {
    if (!is_tracked(descriptor))
        return syscall(SYS_pwrite64, descriptor, data, length, offset);
    return write_(descriptor, data, length, offset);
}

ssize_t pwrite64(int descriptor, const void *data, size_t length, off64_t offset) {
    return pwrite(descriptor, data, length, offset);
}

int ftruncate(int descriptor, off_t length) {
    if (!is_tracked(descriptor))
        return syscall(SYS_ftruncate, descriptor, length);
    LOCKED("truncate", syscall(SYS_ftruncate, descriptor, length),
           NOTE("truncate %d %ld\n", descriptor, (long)length));
}

int ftruncate64(int descriptor, off64_t length) { return ftruncate(descriptor, length); }

static int sync_(long call, int descriptor) {
    if (!is_tracked(descriptor))
        return syscall(call, descriptor);
    LOCKED("fsync", syscall(call, descriptor), NOTE("fsync %d\n", descriptor));
}

int fsync(int descriptor) { return sync_(SYS_fsync, descriptor); }
int fdatasync(int descriptor) { return sync_(SYS_fdatasync, descriptor); }

int renameat(int at, const char *old, int to, const char *new) {
    char from[PATH_MAX], into[PATH_MAX];
    if (!resolve(at, old, from) || !resolve(to, new, into))
        return syscall(SYS_renameat2, at, old, to, new, 0);
    LOCKED("rename", syscall(SYS_renameat2, at, old, to, new, 0),
           NOTE("rename %s\t%s\n", from, into));
}

int rename(const char *old, const char *new) { return renameat(AT_FDCWD, old, AT_FDCWD, new); }

int unlinkat(int at, const char *path, int flags) {
    char full[PATH_MAX];
    if (!resolve(at, path, full))
        return syscall(SYS_unlinkat, at, path, flags);
    LOCKED("unlink", syscall(SYS_unlinkat, at, path, flags), NOTE("unlink %s\n", full));
}

int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }
int rmdir(const char *path) { return unlinkat(AT_FDCWD, path, AT_REMOVEDIR); }

int remove(const char *path) {
    struct stat found;
    int is_folder = lstat(path, &found) == 0 && S_ISDIR(found.st_mode);
    return unlinkat(AT_FDCWD, path, is_folder ? AT_REMOVEDIR : 0);
}

int mkdirat(int at, const char *path, mode_t mode) {
    char full[PATH_MAX];
    if (!resolve(at, path, full))
        return syscall(SYS_mkdirat, at, path, mode);
    LOCKED("mkdir", syscall(SYS_mkdirat, at, path, mode), NOTE("mkdir %s\n", full));
}

int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }
