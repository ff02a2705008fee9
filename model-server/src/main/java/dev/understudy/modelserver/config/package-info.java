/** What the command line and {@code config.pbtxt} say, checked before anything is served. */
@NullMarked
package dev.understudy.modelserver.config;

import org.jspecify.annotations.NullMarked;
