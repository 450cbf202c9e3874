#ifndef _FAASMRUN_SYS_MSG_H
#define _FAASMRUN_SYS_MSG_H
#include <stddef.h>
#include <sys/ipc.h>
#ifdef __cplusplus
extern "C" {
#endif
#define MSG_NOERROR 010000
#define MSG_EXCEPT 020000
#define MSG_STAT 11
#define MSG_INFO 12
typedef unsigned long msgqnum_t, msglen_t;
struct msqid_ds {
	struct ipc_perm msg_perm;
	time_t msg_stime, msg_rtime, msg_ctime;
	unsigned long __msg_cbytes;
	msgqnum_t msg_qnum;
	msglen_t msg_qbytes;
	pid_t msg_lspid, msg_lrpid;
	unsigned long __reserved[2];
};
#ifdef _GNU_SOURCE
struct msgbuf {
	long mtype;
	char mtext[1];
};
#endif
int msgget(key_t, int);
int msgctl(int, int, struct msqid_ds *);
int msgsnd(int, const void *, size_t, int);
ssize_t msgrcv(int, void *, size_t, long, int);
#ifdef __cplusplus
}
#endif
#endif
