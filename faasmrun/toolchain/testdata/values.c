/* Sizes, alignments, kinds and values of what C's and POSIX's headers define. values.out is what glibc gives on x86-64. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <fenv.h>
#include <ftw.h>
#include <inttypes.h>
#include <limits.h>
#include <locale.h>
#include <math.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <termios.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>
#include <utime.h>
#include <wchar.h>
#include <wctype.h>

#define KIND(x) _Generic((x), char: "char", signed char: "signed char", unsigned char: "unsigned char", short: "short", \
	unsigned short: "unsigned short", int: "int", unsigned: "unsigned", long: "long", unsigned long: "unsigned long", \
	long long: "long long", unsigned long long: "unsigned long long", float: "float", double: "double", default: "other")
#define T(t) printf("%s: %zu %zu %s\n", #t, sizeof(t), _Alignof(t), KIND((t)0))
#define S(t) printf("%s: %zu %zu\n", #t, sizeof(t), _Alignof(t))
#define F(t, f) printf("%s.%s: %zu %zu %s\n", #t, #f, sizeof(((t *)0)->f), offsetof(t, f), KIND(((t *)0)->f))
#define V(v) printf("%s: %lld %s\n", #v, (long long)(v), KIND(v))

static void types(void)
{
	T(blkcnt_t); T(blksize_t); T(caddr_t); T(clock_t); T(clockid_t); T(daddr_t); T(dev_t); T(fsblkcnt_t);
	T(fsfilcnt_t); T(gid_t); T(id_t); T(ino_t); T(key_t); T(loff_t); T(mode_t); T(nlink_t); T(off_t); T(off64_t);
	T(ino64_t); T(pid_t); T(quad_t); T(u_quad_t); T(register_t); T(rlim_t); T(ssize_t); T(suseconds_t); T(time_t);
	T(u_char); T(u_int); T(u_long); T(u_short); T(uint); T(ulong); T(ushort); T(uid_t); T(useconds_t); T(u_int8_t);
	T(u_int16_t); T(u_int32_t); T(u_int64_t); T(int8_t); T(int64_t); T(intptr_t); T(uintptr_t); T(ptrdiff_t);
	T(size_t); T(wchar_t); T(wctype_t); T(sig_atomic_t); T(socklen_t); T(sa_family_t); T(in_addr_t);
	T(in_port_t); T(nfds_t); T(float_t); T(double_t); T(fexcept_t); T(int_least8_t); T(int_least16_t);
	T(int_least32_t); T(int_least64_t); T(int_fast8_t); T(int_fast64_t); T(pthread_key_t); T(pthread_once_t);
	T(__int64_t); T(__uint64_t); T(tcflag_t); T(speed_t); T(cc_t); T(shmatt_t); T(msgqnum_t); T(msglen_t);
	S(fenv_t); S(div_t); S(ldiv_t); S(lldiv_t); S(imaxdiv_t); S(mbstate_t); S(fpos_t); S(struct timeval);
	S(struct timespec); S(struct stat); S(struct dirent); S(struct rusage); S(struct rlimit); S(struct iovec);
	S(struct pollfd); S(struct sockaddr); S(struct sockaddr_in); S(struct sockaddr_in6); S(struct sockaddr_un);
	S(struct sockaddr_storage); S(struct utsname); S(struct utimbuf); S(struct tms); S(struct itimerval);
	S(struct lconv); S(struct flock); S(stack_t); S(cpu_set_t); S(struct sched_param); S(struct linger);
	S(struct termios); S(struct winsize); S(struct ipc_perm); S(struct shmid_ds); S(struct semid_ds);
	S(struct sembuf); S(struct msqid_ds); S(struct FTW); S(struct sigevent); S(struct itimerspec); S(union sigval);
	S(timer_t);
	F(struct stat, st_dev); F(struct stat, st_ino); F(struct stat, st_nlink); F(struct stat, st_mode);
	F(struct stat, st_uid); F(struct stat, st_size); F(struct stat, st_blksize); F(struct stat, st_blocks);
	F(struct stat, st_mtim.tv_nsec); F(struct stat, st_rdev); F(struct stat, st_mtime); F(struct dirent, d_ino);
	F(struct dirent, d_off); F(struct dirent, d_reclen); F(struct dirent, d_type); F(struct dirent, d_name);
	F(struct timeval, tv_usec); F(struct timespec, tv_nsec); F(struct tm, tm_gmtoff); F(struct rlimit, rlim_cur);
	F(struct iovec, iov_len); F(struct pollfd, events); F(struct flock, l_start); F(struct flock, l_type);
	F(struct rusage, ru_maxrss); F(struct lconv, grouping); F(div_t, rem); F(ldiv_t, rem);
	F(struct utimbuf, modtime); F(struct termios, c_cc); F(struct termios, c_ospeed); F(struct ipc_perm, mode);
	F(struct shmid_ds, shm_nattch); F(struct semid_ds, sem_nsems); F(struct msqid_ds, msg_lrpid);
	F(struct sigevent, sigev_notify); F(struct random_data, rand_type); F(struct drand48_data, __a);
}

static void values(void)
{
	V(LINE_MAX); V(PATH_MAX); V(NAME_MAX); V(IOV_MAX); V(PIPE_BUF); V(SSIZE_MAX); V(NGROUPS_MAX); V(HOST_NAME_MAX);
	V(LOGIN_NAME_MAX); V(TTY_NAME_MAX); V(WORD_BIT); V(LONG_BIT); V(BUFSIZ); V(FILENAME_MAX); V(L_tmpnam);
	V(TMP_MAX); V(EOF); V(RAND_MAX); V(MB_CUR_MAX); V(SIG_ATOMIC_MAX); V(SIG_ATOMIC_MIN); V(WINT_MAX); V(WINT_MIN);
	V(WCHAR_MAX); V(WCHAR_MIN); V(WEOF); V(INT64_C(1)); V(UINT64_C(1)); V(PTRDIFF_MAX); V(SIZE_MAX); V(CHAR_BIT);
	V(CHAR_MIN); V(SCHAR_MAX); V(NZERO); V(SEM_VALUE_MAX); V(_POSIX_VERSION); V(_XOPEN_VERSION); V(FD_SETSIZE);
	V(NSIG); V(_NSIG); V(EXIT_FAILURE); V(F_GETFD); V(F_SETFD); V(F_GETFL); V(F_SETFL); V(F_DUPFD); V(F_SETLK);
	V(F_SETLKW); V(F_GETLK); V(F_RDLCK); V(F_WRLCK); V(F_UNLCK); V(FD_CLOEXEC); V(SEEK_SET); V(SEEK_CUR);
	V(SEEK_END); V(DT_UNKNOWN); V(DT_FIFO); V(DT_CHR); V(DT_DIR); V(DT_BLK); V(DT_REG); V(DT_LNK); V(DT_SOCK);
	V(S_IFMT); V(S_IFDIR); V(S_IFREG); V(S_IFLNK); V(S_IFSOCK); V(S_IFIFO); V(S_IFCHR); V(S_IFBLK); V(POLLIN);
	V(AF_UNSPEC); V(SO_REUSEADDR); V(SO_TYPE); V(SO_ERROR); V(CLOCK_REALTIME); V(CLOCK_MONOTONIC);
	V(CLOCK_PROCESS_CPUTIME_ID); V(CLOCK_THREAD_CPUTIME_ID); V(R_OK); V(W_OK); V(X_OK); V(F_OK); V(_SC_PAGESIZE);
	V(_SC_NPROCESSORS_ONLN); V(_SC_OPEN_MAX); V(_SC_CLK_TCK); V(LC_ALL); V(LC_NUMERIC); V(LC_CTYPE); V(SIGHUP);
	V(SIGINT); V(SIGCHLD); V(SIGUSR1); V(SIGSTOP); V(SIGTSTP); V(SIGSYS); V(SIGPOLL); V(SIGPWR); V(SIGWINCH);
	V(RLIM_INFINITY); V(_IOFBF); V(_IOLBF); V(_IONBF); V(FP_NAN); V(FP_INFINITE); V(FP_ZERO); V(FP_SUBNORMAL);
	V(FP_NORMAL); V(FP_ILOGB0); V(FP_ILOGBNAN); V(MATH_ERRNO); V(MATH_ERREXCEPT); V(NCCS); V(VINTR); V(VQUIT);
	V(VERASE); V(VKILL); V(VEOF); V(VTIME); V(VMIN); V(VSWTC); V(VSTART); V(VSTOP); V(VSUSP); V(VEOL); V(VREPRINT);
	V(VDISCARD); V(VWERASE); V(VLNEXT); V(VEOL2); V(IGNBRK); V(BRKINT); V(IGNPAR); V(PARMRK); V(INPCK); V(ISTRIP);
	V(INLCR); V(IGNCR); V(ICRNL); V(IUCLC); V(IXON); V(IXANY); V(IXOFF); V(IMAXBEL); V(IUTF8); V(OPOST); V(OLCUC);
	V(ONLCR); V(OCRNL); V(ONOCR); V(ONLRET); V(OFILL); V(OFDEL); V(NLDLY); V(NL0); V(NL1); V(CRDLY); V(CR0); V(CR1);
	V(CR2); V(CR3); V(TABDLY); V(TAB0); V(TAB1); V(TAB2); V(TAB3); V(XTABS); V(BSDLY); V(BS0); V(BS1); V(FFDLY);
	V(FF0); V(FF1); V(VTDLY); V(VT0); V(VT1); V(B0); V(B50); V(B75); V(B110); V(B134); V(B150); V(B200); V(B300);
	V(B600); V(B1200); V(B1800); V(B2400); V(B4800); V(B9600); V(B19200); V(B38400); V(EXTA); V(EXTB); V(B57600);
	V(B115200); V(B230400); V(B460800); V(B500000); V(B576000); V(B921600); V(B1000000); V(B1152000); V(B1500000);
	V(B2000000); V(B2500000); V(B3000000); V(B3500000); V(B4000000); V(CBAUD); V(CBAUDEX); V(CIBAUD); V(CMSPAR);
	V(CRTSCTS); V(CSIZE); V(CS5); V(CS6); V(CS7); V(CS8); V(CSTOPB); V(CREAD); V(PARENB); V(PARODD); V(HUPCL);
	V(CLOCAL); V(ISIG); V(ICANON); V(XCASE); V(ECHO); V(ECHOE); V(ECHOK); V(ECHONL); V(NOFLSH); V(TOSTOP);
	V(ECHOCTL); V(ECHOPRT); V(ECHOKE); V(FLUSHO); V(PENDIN); V(IEXTEN); V(EXTPROC); V(TCOOFF); V(TCOON); V(TCIOFF);
	V(TCION); V(TCIFLUSH); V(TCOFLUSH); V(TCIOFLUSH); V(TCSANOW); V(TCSADRAIN); V(TCSAFLUSH); V(TCGETS); V(TCSETS);
	V(TCSETSW); V(TCSETSF); V(TCGETA); V(TCSETA); V(TCSETAW); V(TCSETAF); V(TCSBRK); V(TCXONC); V(TCFLSH);
	V(TIOCEXCL); V(TIOCNXCL); V(TIOCSCTTY); V(TIOCGPGRP); V(TIOCSPGRP); V(TIOCOUTQ); V(TIOCSTI); V(TIOCGWINSZ);
	V(TIOCSWINSZ); V(TIOCMGET); V(TIOCMBIS); V(TIOCMBIC); V(TIOCMSET); V(TIOCGSOFTCAR); V(TIOCSSOFTCAR);
	V(FIONREAD); V(TIOCINQ); V(TIOCCONS); V(TIOCPKT); V(FIONBIO); V(TIOCNOTTY); V(TIOCSETD); V(TIOCGETD);
	V(TCSBRKP); V(FIONCLEX); V(FIOCLEX); V(FIOASYNC); V(TIOCM_LE); V(TIOCM_DTR); V(TIOCM_RTS); V(TIOCM_ST);
	V(TIOCM_SR); V(TIOCM_CTS); V(TIOCM_CAR); V(TIOCM_RNG); V(TIOCM_DSR); V(TIOCM_CD); V(TIOCM_RI); V(IPC_CREAT);
	V(IPC_EXCL); V(IPC_NOWAIT); V(IPC_RMID); V(IPC_SET); V(IPC_STAT); V(IPC_INFO); V(IPC_PRIVATE); V(SHM_R);
	V(SHM_W); V(SHM_RDONLY); V(SHM_RND); V(SHM_REMAP); V(SHM_EXEC); V(SHM_HUGETLB); V(SHM_NORESERVE); V(SHM_LOCK);
	V(SHM_UNLOCK); V(SHM_STAT); V(SHM_INFO); V(SHM_DEST); V(SHM_LOCKED); V(SEM_UNDO); V(GETPID); V(GETVAL);
	V(GETALL); V(GETNCNT); V(GETZCNT); V(SETVAL); V(SETALL); V(SEM_STAT); V(SEM_INFO); V(MSG_NOERROR);
	V(MSG_EXCEPT); V(MSG_STAT); V(MSG_INFO); V(FTW_F); V(FTW_D); V(FTW_DNR); V(FTW_NS); V(FTW_SL); V(FTW_DP);
	V(FTW_SLN); V(FTW_PHYS); V(FTW_MOUNT); V(FTW_CHDIR); V(FTW_DEPTH); V(FTW_ACTIONRETVAL); V(FTW_CONTINUE);
	V(FTW_STOP); V(FTW_SKIP_SUBTREE); V(FTW_SKIP_SIBLINGS); V(FE_INVALID); V(FE_DIVBYZERO); V(FE_OVERFLOW);
	V(FE_UNDERFLOW); V(FE_INEXACT); V(FE_ALL_EXCEPT); V(FE_TONEAREST); V(FE_DOWNWARD); V(FE_UPWARD);
	V(FE_TOWARDZERO); V(SIGEV_SIGNAL); V(SIGEV_NONE); V(SIGEV_THREAD); V(SIGEV_THREAD_ID); V(CLOCK_MONOTONIC_RAW);
	V(CLOCK_REALTIME_COARSE); V(CLOCK_MONOTONIC_COARSE); V(CLOCK_BOOTTIME); V(DT_WHT);
}

int main(void)
{
	types();
	values();
	return 0;
}
