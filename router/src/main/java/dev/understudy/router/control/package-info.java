/** Keeps the routing table current: watched, fenced, leased, and kept on disk. */
@NullMarked
package dev.understudy.router.control;

import org.jspecify.annotations.NullMarked;
