/** The commands as they are typed. */
@org.jspecify.annotations.NullMarked
package dev.understudy.launcher.cli;
