/* hang is an executable that never comes to its handshake. */
#include <unistd.h>

int main(void)
{
	for (;;)
		pause();
}
