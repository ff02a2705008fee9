/** Services as processes of their own: started, awaited, frozen, killed, ended. */
@org.jspecify.annotations.NullMarked
package dev.understudy.launcher.process;
