#ifndef _FAASMRUN_DLFCN_H
#define _FAASMRUN_DLFCN_H
/* Programs look whether they can load plug-ins; here they cannot (compat/process.c). */
#ifdef __cplusplus
extern "C" {
#endif
#define RTLD_LAZY 1
#define RTLD_NOW 2
#define RTLD_NOLOAD 4
#define RTLD_LOCAL 0
#define RTLD_GLOBAL 256
#define RTLD_DEFAULT ((void *)0)
#define RTLD_NEXT ((void *)-1)
void *dlopen(const char *, int);
void *dlsym(void *__restrict, const char *__restrict);
int dlclose(void *);
char *dlerror(void);
#ifdef _GNU_SOURCE
typedef struct {
	const char *dli_fname;
	void *dli_fbase;
	const char *dli_sname;
	void *dli_saddr;
} Dl_info;
int dladdr(const void *, Dl_info *); /* knows no address: 0 */
#endif
#ifdef __cplusplus
}
#endif
#endif
