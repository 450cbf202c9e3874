/* Names and values as on x86-64. Only rounding to nearest is there, and nothing raises a flag: feraiseexcept and fesetround
 * of another mode say so by their result (compat/fenv.c). */
#define FE_INVALID 0x01
#define __FE_DENORM 0x02
#define FE_DIVBYZERO 0x04
#define FE_OVERFLOW 0x08
#define FE_UNDERFLOW 0x10
#define FE_INEXACT 0x20
#define FE_ALL_EXCEPT 0x3d
#define FE_TONEAREST 0
#define FE_DOWNWARD 0x400
#define FE_UPWARD 0x800
#define FE_TOWARDZERO 0xc00
typedef unsigned short fexcept_t;
typedef struct {
	unsigned __words[8];
} fenv_t;
#define FE_DFL_ENV ((const fenv_t *)-1)
