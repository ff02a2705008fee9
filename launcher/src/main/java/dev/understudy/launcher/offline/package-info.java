/** Two versions compared away from customers: on a file, on a log, on copies of live calls. */
@org.jspecify.annotations.NullMarked
package dev.understudy.launcher.offline;
