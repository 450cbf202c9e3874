#include_next <unistd.h>
#ifndef _FAASMRUN_UNISTD_H
#define _FAASMRUN_UNISTD_H
#include <sys/types.h>
#ifdef __cplusplus
extern "C" {
#endif
pid_t fork(void);
pid_t vfork(void);
int execv(const char *, char *const[]);
int execvp(const char *, char *const[]);
int execve(const char *, char *const[], char *const[]);
int execl(const char *, const char *, ...);
int execlp(const char *, const char *, ...);
int execle(const char *, const char *, ...);
int execvpe(const char *, char *const[], char *const[]);
int pipe(int[2]);
int pipe2(int[2], int);
int dup(int);
int dup2(int, int);
int dup3(int, int, int);
pid_t getppid(void);
pid_t getpgrp(void);
pid_t getpgid(pid_t);
pid_t getsid(pid_t);
pid_t setsid(void);
uid_t getuid(void);
uid_t geteuid(void);
gid_t getgid(void);
gid_t getegid(void);
int setuid(uid_t);
int seteuid(uid_t);
int setgid(gid_t);
int setegid(gid_t);
int getgroups(int, gid_t[]);
char *getlogin(void);
int getlogin_r(char *, size_t);
int gethostname(char *, size_t);
int getpagesize(void);
int getdtablesize(void);
char *get_current_dir_name(void);
void sync(void);
int lockf(int, int, off_t);
int nice(int);
int chown(const char *, uid_t, gid_t);
int fchown(int, uid_t, gid_t);
int lchown(const char *, uid_t, gid_t);
unsigned alarm(unsigned);
useconds_t ualarm(useconds_t, useconds_t);
int pause(void);
pid_t tcgetpgrp(int);
int tcsetpgrp(int, pid_t);
char *ttyname(int);
int ttyname_r(int, char *, size_t);
char *ctermid(char *);
pid_t gettid(void);
int getresuid(uid_t *, uid_t *, uid_t *);
int getresgid(gid_t *, gid_t *, gid_t *);
int setreuid(uid_t, uid_t);
int setregid(gid_t, gid_t);
int setresuid(uid_t, uid_t, uid_t);
int setresgid(gid_t, gid_t, gid_t);
int setpgid(pid_t, pid_t);
pid_t setpgrp(void);
int sethostname(const char *, size_t);
int getdomainname(char *, size_t);
int chroot(const char *);
int daemon(int, int);
int fexecve(int, char *const[], char *const[]);
int fchdir(int);
int fchownat(int, const char *, uid_t, gid_t, int);
int eaccess(const char *, int);
int euidaccess(const char *, int);
int lockf(int, int, off_t);
int syncfs(int);
int brk(void *);
char *getpass(const char *);
char *getwd(char *);
int close_range(unsigned, unsigned, int);
void closefrom(int);
ssize_t copy_file_range(int, off_t *, int, off_t *, size_t, unsigned);
long syscall(long, ...);
#ifndef L_ctermid
#define L_ctermid 9
#endif
#ifdef __cplusplus
}
#endif
#endif
