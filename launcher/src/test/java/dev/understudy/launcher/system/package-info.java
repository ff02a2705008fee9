/** The whole system, as processes, under load and under trouble. */
@org.jspecify.annotations.NullMarked
package dev.understudy.launcher.system;
