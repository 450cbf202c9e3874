#include_next <dirent.h>
#ifndef _FAASMRUN_DIRENT_H
#define _FAASMRUN_DIRENT_H
#ifdef __cplusplus
extern "C" {
#endif
int readdir_r(DIR *__restrict, struct dirent *__restrict, struct dirent **__restrict);
#ifdef __cplusplus
}
#endif
#endif
