/** Beside step 12: one line per sampled call, for people and log pipelines; never an input. */
@NullMarked
package dev.understudy.router.accesslog;

import org.jspecify.annotations.NullMarked;
