/** Hashes that are the same in every router, and samples drawn by them. */
@NullMarked
package dev.understudy.router.hash;

import org.jspecify.annotations.NullMarked;
