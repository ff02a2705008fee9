/**
 * Models on disk and in memory: find, verify, complete, warm, hand out counted handles, release.
 */
@NullMarked
package dev.understudy.modelserver.repository;

import org.jspecify.annotations.NullMarked;
