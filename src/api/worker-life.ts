/** What a worker says once it holds the lock of its name: from then on, that the lock is free means that the worker is gone. */
export const isAlive = 'alive';
